local i = init.fill(1 / 0)
