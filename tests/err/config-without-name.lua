local c = config {1, 2}
