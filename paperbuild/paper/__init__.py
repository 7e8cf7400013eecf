"""The paper: manifest, source, references and values, turned into actions. Pure: no disk, no process."""
