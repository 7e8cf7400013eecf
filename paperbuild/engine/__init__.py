"""The engine: targets, actions, keys, traces, the store. It knows nothing of papers."""
