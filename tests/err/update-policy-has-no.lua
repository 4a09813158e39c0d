phase("update", {policy = "cosine", gamma = 0.5, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
