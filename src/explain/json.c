#include "explain/printers.h"
tg_status tg_print_json(tg_tensor loss, FILE *out, const tg_explain_options *options) { (void)loss, (void)out, (void)options; return TG_UNSUPPORTED; }
