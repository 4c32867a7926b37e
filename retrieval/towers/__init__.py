"""How the network of an encoder is run: a tower takes arrays and gives arrays.

The reference is torch in float32. A tower may be run faster where that was checked on the real weights: as ONNX, in
bfloat16, or, for queries alone, with int8 weights. What was found to hold is kept in a folder of the site (`store`),
made by `prepare`, and made again when anything it depends on changes. Nothing is ever fetched.
"""
