phase("update", {policy = 1, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
