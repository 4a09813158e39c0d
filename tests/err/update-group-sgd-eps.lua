phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "sgd", lr = 0.1, eps = 1e-6}}})
