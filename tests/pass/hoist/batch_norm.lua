-- A batch norm with running statistics goes into the convolution's weights;
-- what is left is a bias, and both are made in the pack phase.
config {batch = 1, buckets = {{4, 5}}}
phase("infer", function(door)
  local x = op.float {door.image}
  local w = param("w", {2, 3, 3, 3}, init.one)
  local one, zero = param("bn.weight", {2}, init.one), param("bn.bias", {2}, init.zero)
  local mean, var = state("bn.mean", {2}, init.zero), state("bn.var", {2}, init.one)
  return {y = op.batch_norm {op.conv2d {x, w}, one, zero, mean, var, train = 0}}
end)
