local c = config({
  batch = 2,
  hidden = 2 ^ 53,
}, {hidden = "integer 1..65536"})
