phase("update", {policy = "linear", groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
