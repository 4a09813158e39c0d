phase("update", {policy = "cosin", groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
