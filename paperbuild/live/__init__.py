"""The live paper: what follows the hand while it is being written."""
