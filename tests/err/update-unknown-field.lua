phase("update", {policy = "fixed", clipp = 4, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
