#include <tapegrad/status.h>

#define MEMBER_NAME(name, value, text) case name: return #name;
#define MEMBER_TEXT(name, value, text) case name: return text;

const char *tg_status_name(tg_status status) {
    switch (status) { TG_STATUS_TABLE(MEMBER_NAME) }
    return "TG_UNKNOWN";
}

const char *tg_status_text(tg_status status) {
    switch (status) { TG_STATUS_TABLE(MEMBER_TEXT) }
    return "unknown status";
}

int         tg_version_number(void) { return TG_VERSION_NUMBER; }
const char *tg_version_string(void) { return TG_VERSION_STRING; }
