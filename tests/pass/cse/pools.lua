-- Both results of an op are shared.
config {batch = 1, buckets = {{4, 6}}}
phase("infer", function(door)
  local x = op.float {door.image}
  local a, at = op.max_pool {x, kernel = 2, stride = 2}
  local b, bt = op.max_pool {x, kernel = 2, stride = 2}
  return {y = a + b, z = op.float {at} + op.float {bt}}
end)
