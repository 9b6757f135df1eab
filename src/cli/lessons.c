/* lessons.c - the lessons, in the order of teaching: one chain, many paths, neurons, nets, and walks that are broken. */
#include "cli/lessons.h"

#include <stddef.h>

#define QUESTIONS(...) (const tg_question[]){ __VA_ARGS__, { .ask = NULL } }

static const tg_lesson lessons[] = {
    { .group = "One chain", .title = "A sum times a number",
      .source = "CS231n, Backpropagation, Intuitions",
      .setting = "First forward, line by line. Then backward, from f to the inputs: each node multiplies what comes from upstream by its local "
                 "derivative, and sends the product on. A sum passes on what it gets; a product exchanges its factors.",
      .given = "x=-2, y=5, z=-4", .formula = "q = x + y; f = q*z", .asks = "q f d_q d_z d_x d_y",
      .moral = "x and y get the same message, because a sum has the local derivative 1 on both sides." },

    { .title = "From right to left",
      .source = "Andrew Ng, Computation graphs",
      .setting = "J = 3 (a + b c). The derivative by the last intermediate value comes first, and each further one needs a single product.",
      .given = "a=5, b=3, c=2", .formula = "u = b*c; v = a + u; J = 3*v", .asks = "u v J d_v d_u d_a d_b d_c",
      .questions = QUESTIONS({ "b is raised by 0.001. By how much does J rise?", "0.001*d_b", "By dJ/db times the change of b.",
                               "A derivative says how much of a small change arrives at the end.", false }) },

    { .title = "A number that is doubled",
      .source = "Jurafsky and Martin, Speech and Language Processing, chapter 7",
      .setting = "L = c (a + 2 b). A factor that is a constant gets no message; it only scales what passes.",
      .given = "a=3, b=1, c=-2", .formula = "d = 2*b; e = a + d; L = c*e", .asks = "d e L d_e d_c d_a d_d d_b" },

    { .title = "One step of ascent",
      .source = "Karpathy, Neural networks: zero to hero",
      .setting = "L = (a b + c) f. After the walk, every input takes a small step in its direction.",
      .given = "a=2, b=-3, c=10, f=-2", .formula = "e = a*b; d = e + c; L = d*f", .asks = "e d L d_d d_f d_e d_c d_a d_b",
      .questions = QUESTIONS({ "a is moved by 0.01 dL/da, and so are b, c and f by theirs. What is L then?",
                               "((a + 0.01*d_a)*(b + 0.01*d_b) + c + 0.01*d_c)*(f + 0.01*d_f)",
                               "a becomes {a + 0.01*d_a}, b {b + 0.01*d_b}, c {c + 0.01*d_c} and f {f + 0.01*d_f}. Forward with these.",
                               "L was {L}: it rose, because the gradient points uphill. Training goes the other way.", false }) },

    { .title = "A long chain",
      .source = "Prince, Understanding Deep Learning, problem 7.1",
      .setting = "Sine, exponential and cosine inside one another: l = (f3 - y)^2. On the way back each function is replaced by its derivative, "
                 "taken at the value that was computed on the way there.",
      .given = "b0=1, o0=0.1, b1=2, o1=-0.4, b2=-3, o2=2, b3=0.4, o3=3, x=2.3, y=2",
      .formula = "f0 = b0 + o0*x; h1 = sin(f0); f1 = b1 + o1*h1; h2 = exp(f1); f2 = b2 + o2*h2; h3 = cos(f2); f3 = b3 + o3*h3; l = (f3 - y)^2",
      .by = "b0,o0,b1,o1,b2,o2,b3,o3", .asks = "f0 h1 f1 h2 f2 h3 f3 l d_f3 d_b3 d_o3 d_h3 d_f2 d_o2 d_h2 d_f1 d_o1 d_h1 d_f0 d_o0",
      .moral = "Every derivative by a bias b is that by its f, and every one by a weight o is that by its f times the value beside it." },

    { .title = "The Wengert list, backward",
      .source = "Baydin et al. 2018, Automatic differentiation in machine learning: a survey, tables 2 and 3",
      .setting = "y = ln(x1) + x1 x2 - sin(x2), the example of the literature: a list of elementary operations, and the list of its adjoints.",
      .given = "x1=2, x2=5", .formula = "v1 = ln(x1); v2 = x1*x2; v3 = sin(x2); v4 = v1 + v2; y = v4 - v3",
      .asks = "v1 v2 v3 v4 y d_v4 d_v3 d_v2 d_v1 d_x2 d_x1" },

    { .title = "The same list, forward",
      .source = "the same survey, table 2",
      .setting = "In forward mode, every line carries how fast it changes when x1 does: x1 by 1, x2 not at all. One pass gives the derivative by "
                 "one input; the walk back gives those by all.",
      .given = "x1=2, x2=5", .formula = "v1 = ln(x1); v2 = x1*x2; v3 = sin(x2); v4 = v1 + v2; y = v4 - v3",
      .questions = QUESTIONS({ "the change of v1", "1/x1", "The derivative of ln(x1) is 1/x1, and x1 changes by 1.", "1/x1.", false },
                             { "the change of v2", "x2", "x1 changes by 1, x2 stays: v2 = x1 x2 changes by x2.", "1 * x2 + x1 * 0.", false },
                             { "the change of v3", "0", "sin(x2) does not have x1.", "x2 does not change, so neither does sin(x2).", false },
                             { "the change of v4", "1/x1 + x2", "A sum changes by the sum of the changes.", "{1/x1} + {x2}.", false },
                             { "the change of y", "d_x1", "v4 - v3 changes by the difference of the changes.",
                               "This is dy/dx1, the number that the walk back finds too. dy/dx2 would take another pass.", false }) },

    { .group = "Many paths", .title = "Two paths",
      .source = "Olah, Calculus on computational graphs: backpropagation",
      .setting = "e = (a + b) (b + 1). b is read twice, so two messages come back to it. They are added: the derivative is the sum over all paths.",
      .given = "a=2, b=1", .formula = "c = a + b; d = b + 1; e = c*d", .asks = "c d e d_c d_d d_a d_b" },

    { .title = "a + a",
      .source = "Karpathy, micrograd",
      .setting = "One input, both operands of a sum. Two edges lead from b to a, and a message runs along each.",
      .given = "a=3", .formula = "b = a + a", .asks = "b d_a",
      .moral = "Who keeps one edge alone, or writes = in place of +=, gets 1." },

    { .title = "Used twice, and twice again",
      .source = "Karpathy, Neural networks: zero to hero",
      .setting = "f = (a b) (a + b): both inputs have two readers.",
      .given = "a=-2, b=3", .formula = "d = a*b; e = a + b; f = d*e", .asks = "d e f d_d d_e d_a d_b" },

    { .title = "Four gates",
      .source = "CS231n, Backpropagation, Intuitions",
      .setting = "f = 2 (x y + max(z, w)). A sum distributes, a product exchanges, and a maximum is a switch: all goes to the larger one, nothing "
                 "to the other.",
      .given = "x=3, y=-4, z=2, w=-1", .formula = "p = x*y; m = max(z, w); s = p + m; f = 2*s", .asks = "p m s f d_s d_p d_m d_x d_y d_z d_w",
      .moral = "A relu is such a switch, between its operand and 0." },

    { .title = "A part that is shared",
      .source = "Griewank and Walther, Evaluating Derivatives, chapter 1",
      .setting = "y = (sin(r) + r - e^x2) (r - e^x2) with r = x1/x2. What occurs twice is computed once, and its adjoint collects from both.",
      .given = "x1=1.5, x2=0.5", .formula = "r = x1/x2; s = sin(r); g = exp(x2); v = r - g; u = s + v; y = u*v",
      .asks = "r s g v u y d_u d_v d_s d_g d_r d_x2 d_x1" },

    { .title = "In stages",
      .source = "CS231n, Backpropagation, Intuitions",
      .setting = "f = (x + sigmoid(y)) / (sigmoid(x) + (x + y)^2). Nobody would like to differentiate that as a whole; in stages it is one line "
                 "each. The derivative of a sigmoid with value o is o (1 - o).",
      .given = "x=3, y=-4",
      .formula = "sigy = sigmoid(y); num = x + sigy; sigx = sigmoid(x); xpy = x + y; square = xpy^2; den = sigx + square; f = num/den",
      .asks = "sigy num sigx xpy square den f d_num d_den d_square d_xpy d_sigx d_sigy d_x d_y" },

    { .title = "Everything again and again",
      .source = "Karpathy, micrograd, README",
      .setting = "Values that are used up to four times, and relu, whose local derivative is 1 above 0 and 0 below. Here the walk back is a matter "
                 "of keeping order.",
      .given = "a=-4, b=2",
      .formula = "c1 = a + b; d1 = a*b + b^3; c2 = c1 + c1 + 1; c3 = c2 + 1 + c2 - a; d2 = d1 + 2*d1 + relu(b + a); d3 = d2 + 3*d2 + relu(b - a); e "
                 "= c3 - d3; f = e^2; g = f/2 + 10/f",
      .asks = "c1 d1 c2 c3 d2 d3 e f g d_f d_e d_d3 d_c3 d_d2 d_d1 d_c2 d_c1 d_a d_b" },

    { .title = "Differences",
      .setting = "Is it right? A derivative can be tried: y = x^3, once at x + h and once at x - h.",
      .given = "x=2, h=0.1", .formula = "plus = (x + h)^3; minus = (x - h)^3; y = x^3", .by = "x", .asks = "plus minus y d_x",
      .questions = QUESTIONS({ "(plus - y) / h", "(plus - y)/h", "{plus} less {y}, divided by {h}.", "It is off by {(plus - y)/h - d_x}.", false },
                             { "(plus - minus) / (2 h)", "(plus - minus)/(2*h)", "{plus} less {minus}, divided by {2*h}.",
                               "It is off by {(plus - minus)/(2*h) - d_x} only: from both sides, the error shrinks with h^2.", false }),
      .moral = "A smaller h is better up to a point; then the two values agree in almost all digits, and their difference is noise." },

    { .group = "Neurons", .title = "A neuron",
      .source = "CS231n, Backpropagation, Intuitions",
      .setting = "Weights w, inputs x, and a sigmoid, whose derivative is o (1 - o) where o is its value. The derivative by the sum is what books "
                 "call delta.",
      .given = "w0=2, x0=-1, w1=-3, x1=-2, w2=-3", .formula = "dot = w0*x0 + w1*x1 + w2; f = sigmoid(dot)",
      .asks = "dot f d_dot d_w0 d_x0 d_w1 d_x1 d_w2",
      .moral = "Delta times the input is the derivative by the weight; delta times the weight is the derivative by the input." },

    { .title = "The sigmoid in its parts",
      .source = "CS231n, Backpropagation, Intuitions",
      .setting = "The same neuron, with 1 / (1 + e^-dot) written out. The walk through four small steps ends at the number that o (1 - o) gives at "
                 "once.",
      .given = "w0=2, x0=-1, w1=-3, x1=-2, w2=-3", .formula = "dot = w0*x0 + w1*x1 + w2; n = -dot; e = exp(n); p = 1 + e; f = 1/p",
      .asks = "dot n e p f d_p d_e d_n d_dot",
      .questions = QUESTIONS({ "f (1 - f)", "f*(1 - f)", "Both numbers are above.", "The same.", false }) },

    { .title = "A neuron with tanh",
      .source = "Karpathy, Neural networks: zero to hero",
      .setting = "The derivative of tanh is 1 - o^2.",
      .given = "x1=2, x2=0, w1=-3, w2=1, b=6.8813735870195432", .formula = "n = x1*w1 + x2*w2 + b; o = tanh(n)",
      .asks = "n o d_n d_x1 d_x2 d_w1 d_w2 d_b",
      .moral = "w2 gets nothing, because its input is 0." },

    { .title = "An input of zero",
      .setting = "A neuron with a loss, E = (y - o)^2. The derivative by a weight is delta times its input.",
      .given = "x1=0, x2=0.5, w1=0.5, w2=0.8, b=0.5, y=1", .formula = "z = x1*w1 + x2*w2 + b; o = sigmoid(z); E = (y - o)^2", .by = "x1,x2,w1,w2,b",
      .asks = "z o E d_o d_z d_w1 d_w2 d_b d_x1",
      .moral = "Weights of inputs that are 0 learn nothing from this example." },

    { .group = "Nets", .title = "2-2-1, with matrices",
      .source = "the first output of Mazur, A step by step backpropagation example",
      .setting = "Rows are examples: S = x W + b, a column of W for each neuron. delta = dL/dS. Backward, delta W' goes to the inputs of the layer, "
                 "where W' is W transposed, x' delta is the derivative by W, and delta that by b.",
      .given = "x=[0.05,0.1], W1=[0.15,0.25; 0.2,0.3], b1=[0.35,0.35], W2=[0.4; 0.45], b2=0.6, t=0.01",
      .formula = "S1 = x W1 + b1; o1 = sigmoid(S1); S2 = o1 W2 + b2; o2 = sigmoid(S2); L = (o2 - t)^2/2", .by = "x,W1,b1,W2,b2",
      .asks = "S1[1] S1[2] o1[1] S2 o2 L d_o2 d_S2 d_W2[1,1] d_W2[2,1] d_b2 d_o1[1] d_o1[2] d_S1[1] d_S1[2] d_W1[1,1] d_W1[2,1] d_W1[1,2] d_b1[1] "
              "d_x[1] d_x[2]",
      .moral = "x gets its messages from two neurons, as one product with a matrix." },

    { .title = "2-2-2, weight by weight",
      .source = "Mazur, A step by step backpropagation example",
      .setting = "Two outputs with targets, E = (t1 - o1)^2/2 + (t2 - o2)^2/2, and one bias for each layer, which both of its neurons share.",
      .given = "x1=0.05, x2=0.1, w1=0.15, w2=0.2, w3=0.25, w4=0.3, w5=0.4, w6=0.45, w7=0.5, w8=0.55, b1=0.35, b2=0.6, t1=0.01, t2=0.99",
      .formula = "net1 = w1*x1 + w2*x2 + b1; net2 = w3*x1 + w4*x2 + b1; h1 = sigmoid(net1); h2 = sigmoid(net2); net3 = w5*h1 + w6*h2 + b2; net4 = "
                 "w7*h1 + w8*h2 + b2; o1 = sigmoid(net3); o2 = sigmoid(net4); E = (t1 - o1)^2/2 + (t2 - o2)^2/2",
      .by = "w1,w2,w3,w4,w5,w6,w7,w8,b1,b2", .asks = "net1 h1 net3 o1 o2 E d_o1 d_net3 d_net4 d_w5 d_w7 d_h1 d_net1 d_w1 d_w2 d_b2 d_b1",
      .questions = QUESTIONS({ "w5 after a step of descent with rate 0.5", "w5 - 0.5*d_w5", "w5 less 0.5 times dE/dw5.", "{w5} - 0.5 * {d_w5}.",
                               false },
                             { "w1 after the same step", "w1 - 0.5*d_w1", "w1 less 0.5 times dE/dw1.",
                               "The step is {d_w5/d_w1} times smaller than that of w5.", false }),
      .moral = "A bias that is shared gets the sum of the deltas of its neurons." },

    { .title = "3-2-1, and the other sign",
      .source = "Han and Kamber, Data Mining, example of backpropagation",
      .setting = "L = (1 - O6)^2/2. Books on data mining have Err = -dL/dI, and add the rate times Err times the input.",
      .given = "x1=1, x2=0, x3=1, w14=0.2, w15=-0.3, w24=0.4, w25=0.1, w34=-0.5, w35=0.2, w46=-0.3, w56=-0.2, th4=-0.4, th5=0.2, th6=0.1",
      .formula = "I4 = w14*x1 + w24*x2 + w34*x3 + th4; I5 = w15*x1 + w25*x2 + w35*x3 + th5; O4 = sigmoid(I4); O5 = sigmoid(I5); I6 = w46*O4 + "
                 "w56*O5 + th6; O6 = sigmoid(I6); L = (1 - O6)^2/2",
      .by = "w14,w15,w24,w25,w34,w35,w46,w56,th4,th5,th6", .asks = "I4 I5 O4 O5 I6 O6 d_I6 d_I5 d_I4",
      .questions = QUESTIONS({ "Err6, as the book has it", "-d_I6", "The sign turns.", NULL, false },
                             { "w46 after a step with rate 0.9", "w46 - 0.9*d_w46", "w46 + 0.9 Err6 O4.", "{w46} + 0.9 * {-d_I6} * {O4}.", false },
                             { "w24 after the same step", "w24 - 0.9*d_w24", "Look at its input.", "x2 is 0.", false }) },

    { .title = "Exclusive or, one step",
      .source = "Negnevitsky, Artificial Intelligence, chapter 6",
      .setting = "Inputs 1 and 1, target 0, L = y5^2/2, and thresholds that are subtracted. The book's delta is -dL/dS.",
      .given = "x1=1, x2=1, w13=0.5, w14=0.9, w23=0.4, w24=1, w35=-1.2, w45=1.1, th3=0.8, th4=-0.1, th5=0.3",
      .formula = "S3 = w13*x1 + w23*x2 - th3; S4 = w14*x1 + w24*x2 - th4; y3 = sigmoid(S3); y4 = sigmoid(S4); S5 = w35*y3 + w45*y4 - th5; y5 = "
                 "sigmoid(S5); L = y5^2/2",
      .by = "w13,w14,w23,w24,w35,w45,th3,th4,th5", .asks = "y3 y4 y5 d_S5 d_S3 d_S4",
      .questions = QUESTIONS({ "w35 after a step with rate 0.1", "w35 - 0.1*d_w35", "w35 less 0.1 dL/dS5 y3.", NULL, false },
                             { "th5 after the same step", "th5 - 0.1*d_th5",
                               "A threshold is subtracted: its derivative is that of a bias with the other sign.", NULL, false }) },

    { .title = "Exclusive or, solved",
      .source = "Goodfellow, Bengio and Courville, Deep Learning, chapter 6.1",
      .setting = "All four examples at once, as rows, and weights that solve it: o = relu(X W + c) w.",
      .given = "X=[0,0; 0,1; 1,0; 1,1], W=[1,1; 1,1], c=[0,-1], w=[1; -2], y=[0; 1; 1; 0]",
      .formula = "S = X W + c; h = relu(S); o = h w; L = sum((o - y)^2)/2", .by = "W,c,w", .asks = "S[4,1] S[4,2] h[1,2] o[1,1] o[2,1] o[4,1] L",
      .questions = QUESTIONS({ "the largest size of a derivative by W and w", "max(max(|d_W[1,1]|, |d_W[2,2]|), max(|d_w[1,1]|, |d_w[2,1]|))",
                               "Every message begins with o - y.", "All are 0: where the loss has its minimum, nothing is left to learn.", false }) },

    { .title = "Softmax and cross-entropy",
      .setting = "p = softmax(z) makes probabilities of scores, and L = -sum(t ln p). The derivatives of both are long; that of the whole is not.",
      .given = "z=[2,1,0.1], t=[1,0,0]", .formula = "p = softmax(z); L = -sum(t*ln(p))", .by = "z", .asks = "p[1] p[2] p[3] L",
      .questions = QUESTIONS({ "dL/dz[1]", "d_z[1]", "Try p - t.", "p[1] - t[1] = {p[1]} - 1.", false },
                             { "dL/dz[2]", "d_z[2]", "Try p - t.", "p[2] - t[2] = {p[2]} - 0.", false }),
      .moral = "delta = p - t, with no derivative of an activation in it: this is why classifiers that are quite wrong still learn quickly." },

    { .group = "Nets that do not learn", .title = "Saturation",
      .source = "Nielsen, Neural Networks and Deep Learning, chapter 3",
      .setting = "Two neurons are to give 0 for the input 1. The second one is further away from that. Which of them learns faster?",
      .given = "x=1, w1=0.6, b1=0.9, w2=2, b2=2",
      .formula = "z1 = w1*x + b1; a1 = sigmoid(z1); z2 = w2*x + b2; a2 = sigmoid(z2); C = (a1^2 + a2^2)/2", .by = "w1,b1,w2,b2",
      .epochs = 300, .rate = 0.15,
      .asks = "a1 a2 d_a1 d_a2 d_z1 d_z2",
      .questions = QUESTIONS({ "How many times faster does the first one learn at the beginning?", "d_z1/d_z2", "Divide one delta by the other.",
                               "The second one has the larger error and the smaller delta: sigmoid' = a (1 - a) is {a2*(1 - a2)} there.", false }),
      .moral = "After 300 steps with rate 0.15 the outputs are {after_a1} and {after_a2}. Cross-entropy has no a (1 - a) in its delta." },

    { .title = "Delta vanishes through sigmoids",
      .setting = "Five neurons one behind the other, each with the same weight w. On its way back, delta is multiplied by w o (1 - o) five times, "
                 "and o (1 - o) is never more than 1/4.",
      .given = "x=1, w=1, t=0",
      .formula = "s1 = w*x; o1 = sigmoid(s1); s2 = w*o1; o2 = sigmoid(s2); s3 = w*o2; o3 = sigmoid(s3); s4 = w*o3; o4 = sigmoid(s4); s5 = w*o4; o5 "
                 "= sigmoid(s5); L = (o5 - t)^2/2",
      .by = "w", .asks = "o1 o5 d_s5 d_s4 d_s3 d_s2 d_s1",
      .questions = QUESTIONS({ "Which part of delta arrives at the first neuron: d s1 / d s5", "d_s1/d_s5", "Divide the last delta by the first.",
                               "Four layers take {d_s5/d_s1} times off it. The bound is 1/4 for each: {0.25^4}.", false },
                             { "How many messages does w get?", "5", "Count its readers.",
                               "One from each neuron; the derivative is their sum, {d_w}.", true },
                             { "Which part of dL/dw comes from the last neuron?", "d_s5*o4/d_w",
                               "Its message is {d_s5} * {o4}; all of them are {d_w}.",
                               "The first neuron sends {d_s1*x}: it hardly takes part in learning.", false }),
      .moral = "Larger weights help only as long as o stays near 1/2. relu has a derivative of 1, and no such loss." },

    { .title = "A dead relu",
      .setting = "The output should be 1, and is not. Descent will not change that.",
      .given = "x=2, w=-1, b=0.5, t=1", .formula = "z = w*x + b; o = relu(z); L = (o - t)^2/2", .by = "w,b", .asks = "z o L d_o d_z d_w d_b",
      .questions = QUESTIONS({ "w after a step with rate 0.1", "w - 0.1*d_w", "w less 0.1 times the derivative.", "It stays as it is, for ever.",
                               false },
                             { "With a slope of 0.01 below 0, what would dL/dw be, roughly?", "d_o*0.01*x", "dL/do, times 0.01, times x.",
                               "A leaky relu lets something through, and the neuron can come back.", false }),
      .moral = "A neuron is dead if z is below 0 for all examples. Smaller rates and biases that begin above 0 make that rarer." },

    { .group = "Walks that are broken", .title = "= in place of +=",
      .setting = "Somebody stores messages where they should be added. Below is that walk, line by line.",
      .given = "a=-2, b=3", .formula = "d = a*b; e = a + b; f = d*e", .fault = TG_FAULT_OVERWRITES,
      .questions = QUESTIONS({ "In which line is the sum wrong for the first time?", "wrong_line", "Look for a second message to the same node.",
                               "Until then every node had got one message, for which = and += are the same.", true },
                             { "df/da, done right", "d_a", "Add both messages to a.", NULL, false },
                             { "df/db, done right", "d_b", "Add both messages to b.", NULL, false },
                             { "How many of the derivatives by a and b are wrong in the broken walk?", "wrong_count",
                               "{b_a} and {b_b} are in the table.", NULL, true }),
      .moral = "A chain without branches would not have shown it: test with a + a." },

    { .title = "The wrong order",
      .setting = "Somebody visits a node as soon as its first message has come. Here that is p, whose value q reads as well.",
      .given = "x=2, y=3", .formula = "p = x*y; q = p + x; L = q*p", .fault = TG_FAULT_ORDER, .fault_at = "p",
      .questions = QUESTIONS({ "Which line is the first one that sends something wrong?", "wrong_line",
                               "Which node sends before all of its messages are there?",
                               "p sends {b_p - d_q}, and the message from q is still to come.", true },
                             { "dL/dp, complete", "d_p", "Add both messages to p.",
                               "Here the sum is right in the end, and nobody looks at it any more.", false },
                             { "dL/dy, done right", "d_y", "dL/dp, times x.", "The broken walk says {b_y}.", false },
                             { "dL/dx, done right", "d_x", "dL/dp times y, and the message from q.", "The broken walk says {b_x}.", false }),
      .moral = "A node may send when everything that reads it has sent. The tape read backward is such an order: this is all that the topological "
               "sort is for." },

    { .title = "Zeroing, forgotten",
      .setting = "The walk is made a second time, and the adjoints of the first one are still there.",
      .given = "a=2, b=-3, c=10, f=-2", .formula = "e = a*b; d = e + c; L = d*f", .fault = TG_FAULT_NO_ZEROING,
      .questions = QUESTIONS({ "Which line is the first wrong one?", "wrong_line",
                               "What should the sum be where the first message to a node arrives?", "The first message should be the sum.", true },
                             { "dL/da, done right", "d_a", "Walk once, from 0.", "The broken walk says {b_a}.", false },
                             { "By which factor is dL/dd wrong?", "b_d/d_d", "Divide {b_d} by what is right.", "Old and new.", false },
                             { "And dL/da?", "b_a/d_a", "Divide {b_a} by what is right.",
                               "The error grows on the way, as each node passes on its old sum, too.", false },
                             { "How many of the derivatives by a, b, c and f are wrong?", "wrong_count", "Is there one that has not been added to?",
                               NULL, true }),
      .moral = "To keep the sums of parameters is a way to add up several batches. Whatever lies between them must begin at 0 in every walk." },

    { .title = "One sign",
      .setting = "One message in this walk is wrong, and what depends on it is wrong with it. Look for the first one.",
      .given = "x1=2, x2=5", .formula = "v1 = ln(x1); v2 = x1*x2; v3 = sin(x2); v4 = v1 + v2; y = v4 - v3",
      .fault = TG_FAULT_SIGN, .fault_at = "y>v3",
      .questions = QUESTIONS({ "Which line is the first wrong one?", "wrong_line", "Multiply upstream and local derivative, line by line.",
                               "Lines further down may be right in themselves and still have wrong numbers.", true },
                             { "What should that message be?", "d_v3", "The product that is in the line.", NULL, false },
                             { "dy/dx2, done right", "d_x2", "Two messages: from v3 and from v2.", "The broken walk says {b_x2}.", false },
                             { "How many of the derivatives by x1 and x2 are wrong?", "wrong_count", "Is there a way from v3 to x1?",
                               "The error reaches only what v3 is made of.", true }) },

    { .title = "A local derivative, forgotten",
      .setting = "In this walk, one node passes on what it gets, and forgets to multiply.",
      .given = "w0=2, x0=-1, w1=-3, x1=-2, w2=-3", .formula = "p0 = w0*x0; p1 = w1*x1; s = p0 + p1; dot = s + w2; f = sigmoid(dot)",
      .fault = TG_FAULT_NO_LOCAL, .fault_at = "f>dot",
      .questions = QUESTIONS({ "Which line is the first wrong one?", "wrong_line", "Multiply upstream and local derivative, line by line.", NULL,
                               true },
                             { "df/d dot, done right", "d_dot", "f (1 - f).", NULL, false },
                             { "How many of the five derivatives are wrong?", "wrong_count", "What lies behind the sigmoid?", "All of it.", true },
                             { "By which factor are they too large?", "b_w0/d_w0", "Divide df/dw0 in the table by what is right.",
                               "All by the same one, so the direction of the step is right, and training seems to work. This is how such a fault "
                               "lives on.", false }) },
};

int tg_lesson_count(void) { return (int)(sizeof lessons / sizeof lessons[0]); }

const tg_lesson *tg_lesson_at(int number) { return number >= 1 && number <= tg_lesson_count() ? &lessons[number - 1] : NULL; }
