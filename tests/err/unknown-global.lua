local x = pram("w", {1}, init.zero)
