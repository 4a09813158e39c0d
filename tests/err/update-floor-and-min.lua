phase("update", {policy = "poly", floor = 0.1, min_lr = 1e-6, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
