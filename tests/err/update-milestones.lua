phase("update", {policy = "step", at = 12, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
