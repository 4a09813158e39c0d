phase("update", {policy = "fixed", groups = {{pattern = "a b", rule = "sgd", lr = 1}}})
