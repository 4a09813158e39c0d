phase("update", {policy = "cosine_restart", periods = {3, 4}, weights = {1}, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
