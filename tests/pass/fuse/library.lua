-- Bias, residual and activation ride on a convolution; one on a product.
config {batch = 1, buckets = {{4, 5}}}
phase("infer", function(door)
  local x = op.float {door.image}
  local y = op.conv2d {x, param("w", {3, 3, 3, 3}, init.one), pad = 1}
  y = op.relu {y + param("b", {3}, init.zero) + x}
  return {y = op.gelu {op.linear {y, param("lw", {2, 3}, init.one),
                                  param("lb", {2}, init.zero)}}}
end)
