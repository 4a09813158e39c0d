phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "sgd"}}})
