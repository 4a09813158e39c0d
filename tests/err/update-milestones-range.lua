phase("update", {policy = "step", at = {0, 12}, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
