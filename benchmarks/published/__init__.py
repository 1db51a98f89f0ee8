"""The networks published with the MS-RNN and MS-LSTM papers, re-created to be measured against.

Plain eager code, gate by gate, from a description of what the published code computes
(https://arxiv.org/abs/2206.03010, https://arxiv.org/abs/2304.07724): a convolution for each input,
parts whose results are dropped, and slips, are all here, so that comparisons of memory and speed
have the published work for an anchor. Parameters carry the published names. `model_zoo` has the
networks to use.
"""
