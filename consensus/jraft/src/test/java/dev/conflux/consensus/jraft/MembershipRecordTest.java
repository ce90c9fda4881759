package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.MemberChange;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class MembershipRecordTest {

    private static final String GOLDEN = """
            format=1
            index=12
            term=3
            cluster_id=c
            cluster_epoch=1
            feature_level=2
            changing=add 4
            removed=3
            member.1=a:1 s1 -
            member.2=b:2 s2 -
            member.4=d:4 s4 api:8080
            crc32c=""";

    private long index;

    @Test
    void shouldKeepItsTextAndReadItBack() {
        // given
        MembershipRecord record = three();
        record = apply(record, new MembershipEntry.Remove(3));
        record = apply(record, new MembershipEntry.Removed(3));
        record = apply(record, new MembershipEntry.FeatureLevel(2));
        index = 11;
        record = apply(record, new MembershipEntry.Add(4, "d:4", "s4", "api:8080"));

        // then
        assertThat(record.encode()).startsWith(GOLDEN);
        assertThat(MembershipRecord.decode(record.encode(), "test")).isEqualTo(record);
        String damaged = record.encode().replace("d:4", "e:4");
        assertThatThrownBy(() -> MembershipRecord.decode(damaged, "test"))
                .isInstanceOf(IdentityException.class)
                .hasMessageContaining("damaged");
    }

    @Test
    void shouldAllowOneChangeAtATime() {
        // given
        MembershipRecord adding = apply(three(), new MembershipEntry.Add(4, "d:4", "s4", ""));

        // then
        assertThat(adding.change().orElseThrow().kind()).isEqualTo(MemberChange.Kind.ADD);
        assertThat(adding.refusal(new MembershipEntry.Add(5, "e:5", "s5", ""))).contains("one change at a time");
        assertThat(adding.refusal(new MembershipEntry.Remove(1))).contains("node 4 is being added");
        assertThat(adding.refusal(new MembershipEntry.Remove(4))).isEmpty();
        assertThat(apply(adding, new MembershipEntry.GiveUp(4)).members()).isEqualTo(three().members());
        MembershipRecord added = apply(adding, new MembershipEntry.Added(4));
        assertThat(added.change()).isEmpty();
        assertThat(added.members()).hasSize(4);
        assertThat(added.refusal(new MembershipEntry.Added(4))).contains("not being added");
        assertThat(added.refusal(new MembershipEntry.GiveUp(4))).contains("not being added");
        assertThat(added.refusal(new MembershipEntry.Removed(4))).contains("not being removed");
    }

    @Test
    void shouldRefuseDuplicatesAndTheDead() {
        // given
        MembershipRecord two = apply(apply(three(), new MembershipEntry.Remove(3)), new MembershipEntry.Removed(3));

        // then
        assertThat(two.refusal(new MembershipEntry.Add(3, "c:3", "s9", ""))).contains("never be used again");
        assertThat(two.refusal(new MembershipEntry.Add(2, "x:1", "s9", ""))).contains("member already, at b:2");
        assertThat(two.refusal(new MembershipEntry.Add(5, "b:2", "s9", ""))).contains("belongs to node 2");
        assertThat(two.refusal(new MembershipEntry.Add(5, "e:5", "s2", ""))).contains("belongs to node 2");
        assertThat(two.refusal(new MembershipEntry.Add(5, "c:3", "s9", ""))).isEmpty();
        assertThat(two.refusal(new MembershipEntry.Remove(9))).contains("not a member");
        assertThat(two.refusal(new MembershipEntry.FeatureLevel(1))).contains("expected: higher than 1");
        MembershipRecord one = apply(apply(two, new MembershipEntry.Remove(2)), new MembershipEntry.Removed(2));
        assertThat(one.refusal(new MembershipEntry.Remove(1))).contains("only member");
        assertThat(one.removed()).containsExactly(2, 3);
    }

    @Test
    void shouldReadEveryEntryBack() {
        for (MembershipEntry entry : List.of(
                new MembershipEntry.Add(4, "d:4", "s4", ""),
                new MembershipEntry.Added(4),
                new MembershipEntry.Remove(1),
                new MembershipEntry.Removed(1),
                new MembershipEntry.GiveUp(4),
                new MembershipEntry.FeatureLevel(3),
                new MembershipEntry.FoundedAgain(three()))) {
            assertThat(MembershipEntry.decode(entry.encode())).isEqualTo(entry);
        }
        assertThatThrownBy(() -> MembershipEntry.decode(new byte[] {8, 'x', '=', '1'}))
                .hasMessageContaining("newer version");
    }

    @Test
    void shouldBecomeWhatASurvivorFoundedAgain() {
        // given
        var alone = new TreeMap<Integer, MembershipRecord.Entry>();
        alone.put(2, three().members().get(2));
        var again = new MembershipRecord(
                LogPosition.ZERO, "c", 2, 1, three().change(), new java.util.TreeSet<>(List.of(1, 3)), alone);

        // when
        MembershipRecord next = apply(three(), new MembershipEntry.FoundedAgain(again));

        // then
        assertThat(next.clusterEpoch()).isEqualTo(2);
        assertThat(next.members()).containsOnlyKeys(2);
        assertThat(next.removed()).containsExactly(1, 3);
        assertThat(next.position()).isEqualTo(new LogPosition(index, 3));
    }

    private MembershipRecord apply(MembershipRecord record, MembershipEntry entry) {
        MembershipRecord.Applied applied = record.apply(new LogPosition(++index, 3), entry);
        assertThat(applied.refusal()).isEmpty();
        return applied.membership();
    }

    private static MembershipRecord three() {
        var members = new TreeMap<Integer, MembershipRecord.Entry>();
        members.put(1, new MembershipRecord.Entry("a:1", "s1", ""));
        members.put(2, new MembershipRecord.Entry("b:2", "s2", ""));
        members.put(3, new MembershipRecord.Entry("c:3", "s3", ""));
        return MembershipRecord.founded("c", 1, members);
    }
}
