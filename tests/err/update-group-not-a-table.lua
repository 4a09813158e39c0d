phase("update", {policy = "fixed", groups = {1}})
