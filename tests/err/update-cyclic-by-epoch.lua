phase("update", {policy = "cyclic", by_epoch = true, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
