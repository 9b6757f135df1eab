/* messages.c - the one stream that every printer prints, open to programs. */
#include "core/util.h"
#include "explain/story.h"

static tg_explained_message explained(const tg_story *story, const tg_story_message *m) {
    return (tg_explained_message){ .symbols = m->symbols, .from_shape = story->nodes[m->from].shape, .to_shape = story->nodes[m->to].shape,
                                   .upstream = m->upstream, .message = m->message, .before = m->before, .after = m->after, .local = m->local,
                                   .local_norm = m->local_norm, .local_text = m->local_text, .local_tex = m->local_tex };
}

tg_status tg_messages(tg_tensor loss, tg_message_fn visit, void *user) {
    tg_story story;
    if (visit == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_messages: visit is NULL");
    const tg_status status = tg_story_new(&story, loss, true);
    for (int i = 0; status == TG_OK && i < story.message_count; i++) {
        const tg_explained_message message = explained(&story, &story.messages[i]);
        if (!visit(&message, user)) break;
    }
    tg_story_free(&story);
    return status;
}
