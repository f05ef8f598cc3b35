{{ count_supporting_records() }}
