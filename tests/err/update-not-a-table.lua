phase("update", 1)
