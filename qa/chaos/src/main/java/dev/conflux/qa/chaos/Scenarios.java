package dev.conflux.qa.chaos;

import static dev.conflux.qa.chaos.FaultKind.BANDWIDTH;
import static dev.conflux.qa.chaos.FaultKind.CLOCK;
import static dev.conflux.qa.chaos.FaultKind.CRASH_LOOP;
import static dev.conflux.qa.chaos.FaultKind.DAMAGE;
import static dev.conflux.qa.chaos.FaultKind.DELAY;
import static dev.conflux.qa.chaos.FaultKind.DISK_FULL;
import static dev.conflux.qa.chaos.FaultKind.DRIFT;
import static dev.conflux.qa.chaos.FaultKind.FAILPOINT;
import static dev.conflux.qa.chaos.FaultKind.FREEZE;
import static dev.conflux.qa.chaos.FaultKind.HALF_OPEN;
import static dev.conflux.qa.chaos.FaultKind.ISOLATE;
import static dev.conflux.qa.chaos.FaultKind.KILL;
import static dev.conflux.qa.chaos.FaultKind.KILL_ALL;
import static dev.conflux.qa.chaos.FaultKind.LOSS;
import static dev.conflux.qa.chaos.FaultKind.ONE_WAY;
import static dev.conflux.qa.chaos.FaultKind.PARTITION;
import static dev.conflux.qa.chaos.FaultKind.POWER_CUT;
import static dev.conflux.qa.chaos.FaultKind.REBUILD;
import static dev.conflux.qa.chaos.FaultKind.REFUSE;
import static dev.conflux.qa.chaos.FaultKind.REPLACE;
import static dev.conflux.qa.chaos.FaultKind.RESET;
import static dev.conflux.qa.chaos.FaultKind.SNAPSHOT;
import static dev.conflux.qa.chaos.FaultKind.TERMINATE;
import static dev.conflux.qa.chaos.FaultKind.TRANSFER;

import dev.conflux.consensus.testkit.HistoryWriter;
import java.util.List;
import java.util.Optional;

/** All scenarios. */
final class Scenarios {

    private static final int CLIENTS = 40;
    private static final int KEYS = 80;

    private static final List<FaultKind> PROCESSES = List.of(KILL, FREEZE, SNAPSHOT, TERMINATE, TRANSFER, CLOCK);
    private static final List<FaultKind> LINKS =
            List.of(PARTITION, ONE_WAY, ISOLATE, DELAY, LOSS, BANDWIDTH, RESET, REFUSE, HALF_OPEN);

    /** In the order of the fast tier. */
    static final List<Scenario> ALL = List.of(
            conflux(
                    "register-kill",
                    "no acknowledged write is lost when nodes die, one by one or all at once",
                    Scenarios::registers,
                    List.of(List.of(KILL, KILL_ALL, TERMINATE, CRASH_LOOP, SNAPSHOT)),
                    List.of()),
            conflux(
                    "register-pause",
                    "a leader that stood still serves nothing old when it goes on",
                    Scenarios::registers,
                    List.of(List.of(FREEZE)),
                    List.of()),
            conflux(
                    "register-links",
                    "no fault of a link makes a read old or a write double",
                    Scenarios::registers,
                    List.of(LINKS),
                    List.of()),
            conflux(
                    "register-all",
                    "the same with faults of processes and links over each other",
                    Scenarios::registers,
                    List.of(PROCESSES, LINKS),
                    List.of()),
            conflux(
                    "register-once",
                    "a write that is repeated until its fate is known happens once",
                    Scenarios::persistentRegisters,
                    List.of(List.of(FREEZE, RESET, KILL, SNAPSHOT, ISOLATE, CLOCK)),
                    List.of()),
            conflux(
                    "register-failpoints",
                    "a node that ends, waits or fails anywhere on a write's way loses and doubles nothing",
                    Scenarios::registers,
                    List.of(List.of(FAILPOINT)),
                    Failpoint.STEPS),
            conflux(
                    "register-rebuild",
                    "a node that gets everything by snapshot, also when that is interrupted, has everything",
                    Scenarios::registers,
                    List.of(List.of(REBUILD, SNAPSHOT)),
                    Failpoint.INSTALL_STEPS),
            conflux(
                    "register-damage",
                    "a damaged file is told or healed, and never served",
                    Scenarios::registers,
                    List.of(List.of(DAMAGE, SNAPSHOT)),
                    Damage.all()),
            conflux(
                    "register-power",
                    "what was acknowledged was durable: a power failure of all nodes at once takes none of it",
                    Scenarios::registers,
                    List.of(List.of(POWER_CUT)),
                    List.of()),
            conflux(
                    "register-disk",
                    "a node whose disk is full refuses or ends, and goes on when there is space again",
                    Scenarios::registers,
                    List.of(List.of(DISK_FULL)),
                    List.of()),
            conflux(
                    "register-members",
                    "members come and go, the dead and the leader too, and nobody notices",
                    Scenarios::members,
                    List.of(List.of(REPLACE), List.of(KILL, FREEZE, ISOLATE, TRANSFER, SNAPSHOT)),
                    List.of()),
            conflux(
                    "register-member-steps",
                    "the leader or the new node ends in the middle of a change, which happens or does not, and can be repeated",
                    Scenarios::members,
                    List.of(List.of(REPLACE)),
                    Failpoint.MEMBER_STEPS),
            conflux(
                    "register-drift",
                    "a member whose state has become another one notices and builds it anew",
                    Scenarios::registers,
                    List.of(List.of(DRIFT, SNAPSHOT)),
                    List.of()),
            new Scenario(
                    "bank-watch",
                    "a publish of several configs is one step for every reader and every watcher",
                    Scenario.CONFLUX,
                    3,
                    10,
                    20,
                    Scenarios::bank,
                    List.of(PROCESSES, LINKS),
                    List.of()),
            new Scenario(
                    "jobs-all",
                    "a job is assigned once, however often its client has to repeat the request",
                    "jobs",
                    3,
                    CLIENTS,
                    1,
                    Scenarios::jobs,
                    List.of(PROCESSES, LINKS),
                    List.of()),
            new Scenario(
                    "policy-all",
                    "the component alone, five members, under a service of another domain",
                    "policies",
                    5,
                    CLIENTS,
                    KEYS,
                    Scenarios::policies,
                    List.of(PROCESSES, LINKS),
                    List.of()));

    private Scenarios() {}

    static Optional<Scenario> find(String name) {
        return ALL.stream().filter(scenario -> scenario.name().equals(name)).findFirst();
    }

    private static Scenario conflux(
            String name, String shows, Scenario.Load load, List<List<FaultKind>> faults, List<String> details) {
        return new Scenario(name, shows, Scenario.CONFLUX, 3, CLIENTS, KEYS, load, faults, details);
    }

    private static Workload registers(Target target, HistoryWriter history, Plan plan) {
        return new RegisterWorkload(
                new ConfluxRegisters((ConfluxTarget) target, env(plan), false), history, plan.clients(), plan.keys());
    }

    private static Workload members(Target target, HistoryWriter history, Plan plan) {
        return new MembersWorkload(registers(target, history, plan), (ConfluxTarget) target, history);
    }

    private static Workload persistentRegisters(Target target, HistoryWriter history, Plan plan) {
        return new RegisterWorkload(
                new ConfluxRegisters((ConfluxTarget) target, env(plan), true), history, plan.clients(), plan.keys());
    }

    private static Workload policies(Target target, HistoryWriter history, Plan plan) {
        return new RegisterWorkload(new PolicyRegisters((SampleTarget) target), history, plan.clients(), plan.keys());
    }

    private static Workload bank(Target target, HistoryWriter history, Plan plan) {
        return new BankWorkload((ConfluxTarget) target, history, env(plan), plan.keys());
    }

    /** Each run has its own, as runs may follow each other on one cluster. */
    private static String env(Plan plan) {
        return plan.scenario() + "-" + plan.seed();
    }

    private static Workload jobs(Target target, HistoryWriter history, Plan plan) {
        return new JobWorkload((SampleTarget) target, history);
    }
}
