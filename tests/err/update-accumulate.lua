phase("update", {policy = "fixed", accumulate = 1.5, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
