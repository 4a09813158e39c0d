phase("update", {policy = "fixed", lr = 1, groups = {{pattern = "*", rule = "sgd", lr = 0.1, lr_mult = 2}}})
