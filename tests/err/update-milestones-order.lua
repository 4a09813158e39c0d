phase("update", {policy = "step", at = {16, 12}, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
