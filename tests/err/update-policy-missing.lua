phase("update", {groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
