phase("update", {policy = "fixed", groups = {}})
