package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.core.NodeImpl;
import com.alipay.sofa.jraft.entity.EnumOutter.ErrorType;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.error.RaftException;
import com.alipay.sofa.jraft.option.RaftMetaStorageOptions;
import com.alipay.sofa.jraft.storage.RaftMetaStorage;
import dev.conflux.base.failpoint.Failpoints;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.LongConsumer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Term and vote, durable before anybody hears of them. The engine's own file has no checksum: a flipped bit would make
 * a member forget whom it voted for, or in which term, and vote twice. Three lines, replaced atomically:
 *
 * <pre>
 * term=7
 * voted_for=10.0.0.1:9101
 * crc32c=0badcafe
 * </pre>
 */
final class VoteStorage implements RaftMetaStorage {

    private static final Logger LOG = LoggerFactory.getLogger(VoteStorage.class);
    private static final String CHECKSUM = "crc32c=";

    private final Path file;
    private final long reachedTerm;
    private final LongConsumer termListener;
    private final Watchdog.Activity writing;
    private @Nullable NodeImpl node;
    private long term;
    private PeerId votedFor = PeerId.emptyPeer();

    /**
     * @param reachedTerm of the newest entry the log ever held: an older vote file is somebody's backup
     * @param termListener hears of the term that was read and of every one that was written
     */
    VoteStorage(Path file, long reachedTerm, LongConsumer termListener, Watchdog.Activity writing) {
        this.file = file;
        this.reachedTerm = reachedTerm;
        this.termListener = termListener;
        this.writing = writing;
    }

    /** @throws IdentityException when the file is damaged: the engine must not start with a guess */
    @Override
    public boolean init(RaftMetaStorageOptions options) {
        node = options.getNode();
        try {
            DurableFiles.createDirectories(DurableFiles.parent(file));
            if (Files.exists(file)) {
                Vote vote = read(file);
                term = vote.term();
                votedFor = vote.votedFor();
            }
        } catch (IOException e) {
            LOG.error("{} cannot be read", file, e);
            return false;
        }
        if (term < reachedTerm) {
            throw new IdentityException(file + " is of term " + term + ", but this node has taken part in term "
                    + reachedTerm + " (an old copy?): it could vote twice. Restore the newest file, or remove this"
                    + " member and join with empty directories under a new node id");
        }
        termListener.accept(term);
        return true;
    }

    /** What the file says. */
    record Vote(long term, PeerId votedFor) {}

    /**
     * Reads a vote file.
     *
     * @throws IdentityException when it is damaged
     */
    static Vote read(Path file) throws IOException {
        String text = Files.readString(file, StandardCharsets.ISO_8859_1);
        int end = text.lastIndexOf(CHECKSUM);
        if (end < 0 || !text.substring(end).equals(checksumLine(text.substring(0, end)))) {
            throw new IdentityException(file + " is damaged (its checksum does not fit): this node no longer knows whom"
                    + " it voted for and could vote twice. Restore the file, or remove this member and join with empty"
                    + " directories under a new node id");
        }
        String[] lines = text.substring(0, end).split("\n", -1);
        String peer = lines[1].substring("voted_for=".length());
        var parsed = new PeerId();
        if (!peer.isEmpty() && !parsed.parse(peer)) {
            throw new IdentityException(file + ": " + peer + " (expected: a member)");
        }
        return new Vote(Long.parseLong(lines[0].substring("term=".length())), parsed);
    }

    private static String checksumLine(String lines) {
        CRC32C crc = new CRC32C();
        crc.update(lines.getBytes(StandardCharsets.ISO_8859_1));
        return CHECKSUM + "%08x\n".formatted(crc.getValue());
    }

    private boolean save() {
        String lines = "term=" + term + "\nvoted_for=" + (votedFor.isEmpty() ? "" : votedFor.toString()) + "\n";
        writing.begin();
        try {
            Failpoints.disk("vote.before_save");
            DurableFiles.replace(file, lines + checksumLine(lines));
            Failpoints.disk("vote.after_save");
        } catch (IOException e) {
            LOG.error("{} cannot be written", file, e);
            NodeImpl engine = node;
            if (engine != null) {
                engine.onError(new RaftException(ErrorType.ERROR_TYPE_META, RaftError.EIO, "%s: %s", file, e));
            }
            return false;
        } finally {
            writing.end();
            termListener.accept(term);
        }
        return true;
    }

    @Override
    public boolean setTerm(long newTerm) {
        term = newTerm;
        return save();
    }

    @Override
    public long getTerm() {
        return term;
    }

    @Override
    public boolean setVotedFor(PeerId peer) {
        votedFor = peer;
        return save();
    }

    @Override
    public PeerId getVotedFor() {
        return votedFor;
    }

    @Override
    public boolean setTermAndVotedFor(long newTerm, PeerId peer) {
        term = newTerm;
        votedFor = peer;
        return save();
    }

    @Override
    public void shutdown() {
        // Every change has been written.
    }
}
