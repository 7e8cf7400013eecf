"""Where results came from: facts of runs, which no document and no key may hold."""
