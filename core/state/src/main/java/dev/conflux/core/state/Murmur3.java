package dev.conflux.core.state;

/**
 * MurmurHash3 x86 32 with seed 0 over the salt's bytes followed by the value in UTF-8. Without allocation: the value is
 * encoded on the way.
 */
final class Murmur3 {

    private static final int C1 = 0xcc9e2d51;
    private static final int C2 = 0x1b873593;

    private Murmur3() {}

    static int hash(byte[] salt, String value) {
        int hash = 0;
        int block = 0;
        int length = 0;
        for (byte b : salt) {
            block |= (b & 0xff) << ((length & 3) << 3);
            if ((++length & 3) == 0) {
                hash = mix(hash, block);
                block = 0;
            }
        }
        int chars = value.length();
        for (int i = 0; i < chars; i++) {
            // One character as up to four UTF-8 bytes, the first in the lowest byte; a lone surrogate is '?', as in
            // String.getBytes.
            char c = value.charAt(i);
            int encoded;
            int count;
            if (c < 0x80) {
                encoded = c;
                count = 1;
            } else if (c < 0x800) {
                encoded = (0xc0 | (c >> 6)) | (tail(c, 0) << 8);
                count = 2;
            } else if (!Character.isSurrogate(c)) {
                encoded = (0xe0 | (c >> 12)) | (tail(c, 6) << 8) | (tail(c, 0) << 16);
                count = 3;
            } else if (Character.isHighSurrogate(c) && i + 1 < chars && Character.isLowSurrogate(value.charAt(i + 1))) {
                int point = Character.toCodePoint(c, value.charAt(++i));
                encoded = (0xf0 | (point >> 18))
                        | (tail(point, 12) << 8)
                        | (tail(point, 6) << 16)
                        | (tail(point, 0) << 24);
                count = 4;
            } else {
                encoded = '?';
                count = 1;
            }
            for (int k = 0; k < count; k++) {
                block |= (encoded & 0xff) << ((length & 3) << 3);
                encoded >>>= 8;
                if ((++length & 3) == 0) {
                    hash = mix(hash, block);
                    block = 0;
                }
            }
        }
        if ((length & 3) != 0) {
            hash ^= scramble(block);
        }
        hash ^= length;
        hash ^= hash >>> 16;
        hash *= 0x85ebca6b;
        hash ^= hash >>> 13;
        hash *= 0xc2b2ae35;
        hash ^= hash >>> 16;
        return hash;
    }

    /** A continuation byte: six bits of the code point. */
    private static int tail(int point, int shift) {
        return 0x80 | ((point >> shift) & 0x3f);
    }

    private static int mix(int hash, int block) {
        return Integer.rotateLeft(hash ^ scramble(block), 13) * 5 + 0xe6546b64;
    }

    private static int scramble(int block) {
        return Integer.rotateLeft(block * C1, 15) * C2;
    }
}
