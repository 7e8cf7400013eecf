"""Results that several machines share: where they lie, how they come and go, and whom one believes."""
