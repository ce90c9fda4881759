package dev.conflux.tool.inspector;

import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.jraft.FoundingAgain;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What {@code force-new-cluster} will do, or has done, in print.
 *
 * @param lost address by node id of the members that cannot come back
 * @param loss what cannot be saved, and what is kept though it may never have been acknowledged
 * @param position of the last entry after it
 * @param copies where what was replaced is kept
 */
record Founding(
        int nodeId,
        String clusterName,
        String clusterId,
        long oldEpoch,
        long newEpoch,
        Map<Integer, String> lost,
        LogPosition end,
        LogPosition position,
        List<String> loss,
        List<String> copies) {

    static Founding of(String clusterName, FoundingAgain.Plan plan, List<String> loss) {
        return new Founding(
                plan.nodeId(),
                clusterName,
                plan.clusterId(),
                plan.oldEpoch(),
                plan.newEpoch(),
                plan.lost(),
                plan.end(),
                plan.position(),
                loss,
                plan.copies().stream().map(Path::toString).toList());
    }

    void print(Output out) {
        var facts = new ArrayList<Output.Fact>();
        facts.add(new Output.Fact("survivor", "node " + nodeId + ", which becomes the only member"));
        facts.add(new Output.Fact("cluster", clusterName + ", id " + clusterId));
        facts.add(new Output.Fact("epoch", oldEpoch + " -> " + newEpoch));
        facts.add(new Output.Fact("ends with", Output.position(end)));
        lost.forEach((id, address) ->
                facts.add(new Output.Fact("fenced", "node " + id + " (" + address + "); its id is dead for ever")));
        loss.forEach(line -> facts.add(new Output.Fact("loss", line)));
        copies.forEach(copy -> facts.add(new Output.Fact("copy of what is replaced", copy)));
        out.facts(facts);
    }
}
