"""A project's graph as a picture: what is drawn, where each thing comes to stand, and how it looks. Knows no disk and no terminal."""
