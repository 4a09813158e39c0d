phase("update", {policy = "step", at = {3}, every = 2, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
