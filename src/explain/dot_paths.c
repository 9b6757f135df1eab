/* dot_paths.c */
#include "explain/dot.h"
bool tg_dot_put_paths(tg_drawing *d) { (void)d; return false; }
