phase("update", {policy = "exp", groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
