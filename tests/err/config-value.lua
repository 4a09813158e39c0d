local c = config {
  batch = 2,
  tokens = 0,
}
