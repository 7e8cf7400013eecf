"""What lets others call paperbuild: git's hooks, the workflows of CI. Knows neither the engine's inside nor a terminal."""
