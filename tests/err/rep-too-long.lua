local s = ("x"):rep(2 ^ 21 // 1)
