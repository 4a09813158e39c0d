-- What each field of a config may hold; another value is an error that says so.
return {
  long = "integer 0..16384", short = "integer 0..16384",
  train_long = "integer 0..16384", train_short = "list of integer 0..16384",
  depth = "integer 18..152", frozen_stages = "integer -1..4",
  width = "list of integer 1..4096", strides = "list of integer 1..4",
  hidden = "integer 4..65536", layers = "integer 1..1000",
  heads = "integer 1..1024", inner = "integer 1..262144",
  positions = "integer 1..65536",
  dropout = "number 0..0.95", head_dropout = "number 0..0.95",
  compat = "upstream|fixed", precision = "f32",
  lr = "number 0..100", backbone_lr = "number 0..100",
  decay = "number 0..1", backbone_decay = "number 0..1",
  momentum = "number 0..1",
  warmup = "integer 0..1000000000", warmup_ratio = "number 0..1",
  lr_floor = "number 0..1", drop_lr_at = "list of integer 1..100000",
  epochs = "integer 1..100000", accumulate = "integer 1..65536",
  clip = "number 0..1000000000",
}
