package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.Change;
import dev.conflux.consensus.testkit.NodeLog;
import java.util.ArrayList;
import java.util.List;

/** The audit trail of every member of a sample service. */
final class SampleLogs {

    private SampleLogs() {}

    static List<NodeLog> of(SampleTarget target) {
        var logs = new ArrayList<NodeLog>();
        for (int node : target.members()) {
            String answer = target.ask(node, "read stale changes");
            if (!answer.startsWith("ok ")) {
                throw new ChaosException("node " + node + " does not tell its audit trail: " + answer);
            }
            int space = answer.indexOf(' ', 3);
            var changes = new ArrayList<Change>();
            for (String line : answer.substring(space + 1).split(";", -1)) {
                if (!line.isEmpty()) {
                    String[] words = line.split(" ", -1);
                    changes.add(new Change(Long.parseLong(words[0]), words[1], Long.parseLong(words[2])));
                }
            }
            logs.add(new NodeLog(node, 0, Long.parseLong(answer.substring(3, space)), changes));
        }
        return logs;
    }
}
