local c = config {["a b"] = 1}
