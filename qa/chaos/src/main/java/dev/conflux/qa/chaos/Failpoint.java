package dev.conflux.qa.chaos;

import java.util.List;

/** Which failpoints a plan arms, and with what. Their names are written out where they are. */
final class Failpoint {

    /** Reached only while a node starts, or gets a snapshot. */
    private static final List<String> OF_START =
            List.of("start.", "log.opened", "server.before_consensus", "server.before_listen");

    /** One of each kind of place and action, in the order of a write's life, then of a snapshot's and a start's. */
    static final List<String> STEPS = List.of(
            "write.before_propose=halt",
            "propose.before_append=halt",
            "propose.before_forward=halt",
            "log.before_append=halt",
            "log.after_append=halt",
            "apply.before_batch=halt",
            "state.before_commit=halt",
            "store.before_commit=halt",
            "state.after_commit=halt",
            "state.after_publish=halt",
            "apply.after_batch=halt",
            "apply.before_replies=halt",
            "apply.after_replies=halt",
            "write.after_commit=halt",
            "propose.forward_answered=halt",
            "vote.before_save=halt",
            "vote.after_save=halt",
            "file.before_rename=halt",
            "file.after_rename=halt",
            "mark.before_sync=halt",
            "leader.start=halt",
            "log.after_append=sleep(400)",
            "apply.before_batch=sleep(400)",
            "apply.before_replies=sleep(700)",
            "read.index_known=sleep(300)",
            "watch.before_tell=sleep(100)",
            "vote.before_save=throw",
            "file.before_sync=throw",
            "state.before_commit=throw",
            "snapshot.before_begin=throw",
            "snapshot.before_complete=throw",
            "snapshot.before_done=halt",
            "store.before_checkpoint=throw",
            "apply.before_batch=exhaust",
            "apply.before_batch=overflow",
            "write.before_propose=overflow",
            "start.before_mark=halt",
            "start.engine_running=halt",
            "log.opened=halt",
            "server.before_consensus=halt",
            "server.before_listen=halt");

    /** While a node gets everything by snapshot; the empty one lets it. */
    static final List<String> INSTALL_STEPS = List.of(
            "",
            "install.before_verify=halt",
            "install.before_restore=halt",
            "install.after_restore=halt",
            "store.before_generation=halt",
            "store.before_place=halt",
            "store.before_open=halt",
            "store.before_switch=halt",
            "store.after_switch=halt");

    /** While a leader's log, which was cut off as it appended, is brought into line with the others' again. */
    static final List<String> OVERTAKING_STEPS =
            List.of("log.before_lower_mark=halt", "log.before_truncate=halt", "log.before_reset=halt");

    /** Whom a step of {@link #MEMBER_STEPS} is armed in. */
    static final String JOINING = "joining:";

    static final String LEADER = "leader:";

    /** While a member is replaced, by the node that joins and by the leader. */
    static final List<String> MEMBER_STEPS = List.of(
            "joining:bootstrap.before_identity=halt",
            "leader:file.before_rename=halt",
            "joining:bootstrap.after_identity=halt",
            "leader:file.after_rename=halt",
            "joining:log.after_append=halt",
            "leader:apply.after_batch=halt",
            "joining:apply.before_batch=halt",
            "leader:member.before_intent=halt",
            "leader:member.before_learner=halt",
            "leader:member.before_promote=halt",
            "leader:member.before_voter=halt",
            "leader:member.before_added=halt",
            "leader:member.before_removal=halt",
            "joining:member.before_record=halt",
            "leader:member.before_removed=halt",
            "joining:member.after_record=halt");

    private Failpoint() {}

    static boolean ofSnapshot(String step) {
        return step.startsWith("snapshot.") || step.startsWith("store.before_checkpoint");
    }

    static boolean ofElection(String step) {
        return step.startsWith("leader.") || step.startsWith("vote.");
    }

    static boolean ofStart(String step) {
        return OF_START.stream().anyMatch(step::startsWith);
    }
}
