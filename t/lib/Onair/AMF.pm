package Onair::AMF;

# AMF0 values, for the RTMP publisher of the tests.
#
#   encode(VALUE, …)   numbers, strings, undef (null), \1 and \0 (booleans),
#                      [ key => VALUE, … ] (an object, in this order)
#   decode(BYTES)      a list; objects and ECMA arrays become hashes
#   ecma([…])          the object as an ECMA array, to encode
#   number(N)          N as a number, where it looks like a string

use strict;
use warnings;

use Exporter 'import';
use Scalar::Util qw(looks_like_number);

our @EXPORT_OK = qw(encode decode ecma string);


sub ecma
{
    return bless { pairs => shift }, 'Onair::AMF::ECMA';
}


# A string that looks like a number.
sub string
{
    return bless { text => shift }, 'Onair::AMF::String';
}


sub encode
{
    return join '', map { encode_value($_) } @_;
}


sub encode_value
{
    my $value = shift;

    return "\x05" unless defined $value;

    for (ref $value) {
        return "\x01" . pack('C', $$value ? 1 : 0) if $_ eq 'SCALAR';
        return "\x03" . pairs($value) . "\0\0\x09" if $_ eq 'ARRAY';
        return "\x08" . pack('N', @{ $value->{pairs} } / 2)
            . pairs($value->{pairs}) . "\0\0\x09" if $_ eq 'Onair::AMF::ECMA';
        return "\x02" . pack('n/a*', $value->{text})
            if $_ eq 'Onair::AMF::String';
    }

    return "\x00" . pack('d>', $value) if looks_like_number($value);
    return "\x02" . pack('n/a*', $value);
}


sub pairs
{
    my @pairs = @{ shift() };
    my $bytes = '';

    while (my ($key, $value) = splice @pairs, 0, 2) {
        $bytes .= pack('n/a*', $key) . encode_value($value);
    }

    return $bytes;
}


sub decode
{
    my $bytes = shift;
    my @values;

    push @values, decode_value(\$bytes) while length $bytes;

    return @values;
}


sub decode_value
{
    my $rest = shift;
    my $type = unpack 'C', substr $$rest, 0, 1, '';

    return unpack 'd>', substr $$rest, 0, 8, '' if $type == 0;
    return unpack 'C', substr $$rest, 0, 1, '' if $type == 1;
    return substr $$rest, 0, unpack('n', substr $$rest, 0, 2, ''), ''
        if $type == 2;
    return undef if $type == 5 || $type == 6;

    substr $$rest, 0, 4, '' if $type == 8;
    return decode_pairs($rest) if $type == 3 || $type == 8;

    die "AMF0 type $type is not expected";
}


sub decode_pairs
{
    my $rest = shift;
    my %object;

    while (length $$rest) {
        my $length = unpack 'n', substr $$rest, 0, 2, '';
        my $key = substr $$rest, 0, $length, '';

        if ($length == 0) {
            substr $$rest, 0, 1, '';
            last;
        }

        $object{$key} = decode_value($rest);
    }

    return \%object;
}


1;
