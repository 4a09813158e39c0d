local i = init.normal(-1)
